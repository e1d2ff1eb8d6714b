// The elements as React components with the props of the original ones.
import { createElement, useEffect, useRef } from "react";
import "./sereno-world.js";

/**
 * Click: POST to `endpoint` (a route of your application, by default /api/worlds/ID/resume), then `onResume()`.
 * With endpoint={null} `onResume` does the work itself; the banner waits for the promise it returns.
 */
export function WorldPausedBanner({
  worldId,
  worldName,
  pauseReason = "manual",
  pausedAt,
  deletionAt,
  endpoint,
  canResume,
  lang,
  onResume,
}) {
  const banner = useRef(null);
  const newest = useRef(onResume);
  newest.current = onResume;
  const isOwn = endpoint === null;
  useEffect(() => {
    const element = banner.current;
    const resume = (event) => {
      if (isOwn) event.detail.waitUntil(new Promise((done) => done(newest.current?.())));
    };
    const resumed = () => isOwn || newest.current?.();
    element.addEventListener("resume", resume);
    element.addEventListener("sereno-resumed", resumed);
    return () => {
      element.removeEventListener("resume", resume);
      element.removeEventListener("sereno-resumed", resumed);
    };
  }, [isOwn]);
  return createElement("world-paused-banner", {
    ref: banner,
    "world-id": worldId,
    "world-name": worldName,
    "pause-reason": pauseReason,
    "paused-at": pausedAt || undefined,
    "deletion-at": deletionAt || undefined,
    endpoint: isOwn ? undefined : (endpoint ?? `/api/worlds/${encodeURIComponent(worldId)}/resume`),
    "can-resume": canResume === false ? "false" : undefined,
    lang,
  });
}

export function WorldPausedBadge({ pauseReason, worldName, lang }) {
  return createElement("world-paused-badge", { "pause-reason": pauseReason, "world-name": worldName, lang });
}
