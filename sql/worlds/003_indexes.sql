-- Migration 3, add_world_indexes: indexes that 001_worlds.sql did not make in its first form. src/worlds/schema.c adds those
-- of "World" itself, and drops by these names.
CREATE INDEX IF NOT EXISTS "WorldMember_user_idx" ON "WorldMember"("userId");
CREATE INDEX IF NOT EXISTS "WorldSummary_merged_idx" ON "WorldSummary"("createdAt") WHERE "mergedInto" IS NOT NULL;
CREATE INDEX IF NOT EXISTS "InteractionArchive_created_idx" ON "InteractionArchive"("createdAt");
-- Emergent events that wait for their end or for the measurement after them.
CREATE INDEX IF NOT EXISTS "WorldEvent_open_idx" ON "WorldEvent"("id") WHERE "isEmergent"=true AND "metricsAfter" IS NULL;
CREATE INDEX IF NOT EXISTS "WorldHistory_at_idx" ON "WorldHistory"("at");
