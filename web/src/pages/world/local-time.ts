// What a datetime-local input says, read by the clocks of a zone. Pure.
import { instants } from "../../base/format";

/** "2026-11-27T03:00" in the zone as an instant; an hour that the clocks leave out is the one after it. "" gives null. */
export function instantOf(local: string, zone: string): string | null {
  const asUtc = Date.parse(`${local}Z`);
  if (Number.isNaN(asUtc)) return null;
  const { offset } = instants("en", zone);
  const first = asUtc - offset(asUtc) * 60_000;
  return new Date(asUtc - offset(first) * 60_000).toISOString();
}

/** The other way: what the input shows for an instant. */
export function localOf(ms: number, zone: string): string {
  return new Date(ms + instants("en", zone).offset(ms) * 60_000).toISOString().slice(0, 16);
}
