// The states every page has: loading, empty, error, offline, no permission. One look for all.
import type { ComponentChildren } from "preact";
import type { ApiError } from "../api/client";
import type { Remote } from "../api/remote";
import { words } from "../words";
import { Button } from "./button";
import { Icon } from "./icon";
import type { IconName } from "./icon-names";

/** A calm box in the middle of a page or panel. */
export function Notice(props: {
  icon: IconName;
  title: string;
  children?: ComponentChildren;
  tone?: "quiet" | "bad";
}) {
  return (
    <div class={`notice ${props.tone ?? "quiet"}`} role={props.tone === "bad" ? "alert" : undefined}>
      <Icon name={props.icon} size={24} />
      <h2>{props.title}</h2>
      {props.children}
    </div>
  );
}

/** Why there is nothing to see, and what to do. */
export function ErrorNotice({ error, again }: { error: ApiError; again?: () => void }) {
  const t = words().remote;
  const retry = again && <Button onClick={again}>{t.again}</Button>;
  if (error.status === 0)
    return (
      <Notice icon="triangle-alert" title={t.offlineTitle} tone="bad">
        <p>{t.offlineText}</p>
        {retry}
      </Notice>
    );
  if (error.status === 403)
    return (
      <Notice icon="shield-check" title={t.forbiddenTitle}>
        <p>{t.forbiddenText}</p>
      </Notice>
    );
  if (error.status === 404)
    return (
      <Notice icon="circle-help" title={t.notFoundTitle}>
        <p>{t.notFoundText}</p>
      </Notice>
    );
  return (
    <Notice icon="triangle-alert" title={t.failedTitle} tone="bad">
      <p>{error.message}</p>
      {error.hint && <p>{error.hint}</p>}
      {error.requestId && <p class="quiet">{t.request(error.requestId)}</p>}
      {retry}
    </Notice>
  );
}

export function Loading() {
  return (
    <div class="loading" role="status">
      <span class="visually-hidden">{words().remote.loading}</span>
      <span class="bone" />
      <span class="bone" />
      <span class="bone" />
    </div>
  );
}

/** Shows what came; before that bones, or why nothing came. Old data stays while an error lasts, under a line that says so. */
export function Shown<T>({ of, children }: { of: Remote<T>; children: (data: T) => ComponentChildren }) {
  const data = of.data.value;
  const error = of.error.value;
  if (data === undefined)
    return error ? <ErrorNotice error={error} again={() => void of.reload()} /> : <Loading />;
  return (
    <>
      {error && error.status !== 0 && (
        <p class="stale" role="status">
          {words().failed(error.message)}
        </p>
      )}
      {children(data)}
    </>
  );
}
