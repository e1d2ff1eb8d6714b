// A labelled input with its hint and its error; the error is tied to the input and points at the column when it has one.
import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

interface FieldProps {
  label: string;
  hint?: ComponentChildren;
  error?: string | null | undefined;
  /** 1-based column of the text that is wrong */
  column?: number | null | undefined;
  children: (ids: {
    id: string;
    "aria-describedby": string | undefined;
    "aria-invalid": boolean | undefined;
  }) => ComponentChildren;
  class?: string;
}

export function Field(props: FieldProps) {
  const id = useId();
  const described = [props.hint && `${id}-hint`, props.error && `${id}-error`].filter(Boolean).join(" ");
  return (
    <div class={`field ${props.error ? "wrong" : ""} ${props.class ?? ""}`}>
      <label for={id}>{props.label}</label>
      {props.children({
        id,
        "aria-describedby": described || undefined,
        "aria-invalid": props.error ? true : undefined,
      })}
      {props.error && (
        <p class="error" id={`${id}-error`}>
          {props.column ? (
            <span class="column" aria-hidden="true">
              {"\u00a0".repeat(Math.min(props.column - 1, 60))}^
            </span>
          ) : null}
          {props.error}
        </p>
      )}
      {props.hint && (
        <p class="hint" id={`${id}-hint`}>
          {props.hint}
        </p>
      )}
    </div>
  );
}
