/** The live worker's file, put in by build.mjs. */
declare const LIVE_WORKER: string;

declare module "virtual:icons" {
  export const icons: Record<string, [string, Record<string, string>][]>;
}
declare module "*.css";

/** Of boot.ts: asks for the files of a part. */
declare var bringPart: ((part: string) => void) | undefined;

interface TrustedTypePolicy {
  createScriptURL(url: string): string;
}
interface Window {
  trustedTypes?: {
    createPolicy(name: string, rules: { createScriptURL: (url: string) => string }): TrustedTypePolicy;
  };
}
