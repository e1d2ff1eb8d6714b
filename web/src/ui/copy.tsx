import { useState } from "preact/hooks";
import { words } from "../words";
import { Button } from "./button";

/** Plain HTTP has no clipboard API: then the old way, through a selection. */
export async function copyText(text: string): Promise<void> {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "visually-hidden";
  (document.querySelector("dialog[open]") ?? document.body).append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

export function Copy({ text, label }: { text: string; label?: string }) {
  const [isCopied, setCopied] = useState(false);
  const t = words().actions;
  const copy = async () => {
    await copyText(text);
    setCopied(true);
    setTimeout(() => setCopied(false), 2000);
  };
  return (
    <Button
      kind="quiet"
      icon={isCopied ? "check" : "copy"}
      label={isCopied ? t.copied : (label ?? t.copy)}
      onClick={copy}
    />
  );
}
