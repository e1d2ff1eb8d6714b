/** The live worker's file, put in by build.mjs. */
declare const LIVE_WORKER: string;

declare module "virtual:icons" {
  export const icons: Record<string, [string, Record<string, string>][]>;
}
declare module "*.css";

interface TrustedTypePolicy {
  createScriptURL(url: string): string;
}
interface Window {
  trustedTypes?: {
    createPolicy(name: string, rules: { createScriptURL: (url: string) => string }): TrustedTypePolicy;
  };
}
