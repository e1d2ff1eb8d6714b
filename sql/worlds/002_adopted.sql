-- PostgreSQL only, beside an application's own "World": src/worlds/schema.c makes the view "WorldView" with our columns, "id" and
-- "ownerId" as text whatever they are there (uuid, a number), and the column "application": all that is not ours, as
-- JSON. src/store/sqldb_pg.c reads "World" as "WorldView" where there is one. Reading, updating and deleting go straight
-- through it; this is how a row gets in: the application's columns from the setting sereno.application (an import), its
-- "userId" from "ownerId", ours from NEW, and defaults for the rest. Columns that are generated are left out.
CREATE OR REPLACE FUNCTION "World_application"(world text) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE theirs jsonb;
BEGIN
  SELECT to_jsonb(w) - ARRAY(SELECT attname::text FROM pg_attribute WHERE attrelid='"WorldView"'::regclass AND attnum>0)
    INTO theirs FROM "World" w WHERE w."id"::text=world;
  RETURN theirs::text;
END $$;
CREATE OR REPLACE FUNCTION "World_insert"() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  r jsonb := coalesce(nullif(current_setting('sereno.application', true), ''), '{}')::jsonb
    || jsonb_build_object('userId', NEW."ownerId") || (jsonb_strip_nulls(to_jsonb(NEW)) - 'application');
  names text;
  n bigint;
BEGIN
  SELECT string_agg(quote_ident(attname), ',') INTO names FROM pg_attribute
    WHERE attrelid='"World"'::regclass AND attnum>0 AND NOT attisdropped AND attgenerated='' AND attidentity<>'a' AND r ? attname;
  EXECUTE format('INSERT INTO "World"(%s) SELECT %s FROM jsonb_populate_record(NULL::"World",$1) ON CONFLICT DO NOTHING',
    names, names) USING r;
  GET DIAGNOSTICS n = ROW_COUNT;
  RETURN CASE WHEN n>0 THEN NEW END;
END $$;
