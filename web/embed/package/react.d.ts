import type { ReactElement } from "react";
import type { PauseReason } from "./sereno-world.js";

export interface WorldPausedBannerProps {
  worldId: string;
  worldName: string;
  /** Default "manual". */
  pauseReason?: PauseReason | string;
  /** ISO 8601, or "" when it is not known. */
  pausedAt: string;
  deletionAt?: string;
  /** Route of your application that resumes the world; null: onResume does it. */
  endpoint?: string | null;
  canResume?: boolean;
  lang?: string;
  onResume?: () => unknown;
}
export function WorldPausedBanner(props: WorldPausedBannerProps): ReactElement;

export interface WorldPausedBadgeProps {
  pauseReason?: PauseReason | string | undefined;
  worldName?: string;
  lang?: string;
}
export function WorldPausedBadge(props: WorldPausedBadgeProps): ReactElement;
