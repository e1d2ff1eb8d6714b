// API tokens: made, shown once, revoked.
import { useState } from "preact/hooks";
import { type Answer, ApiError, call } from "../../api/client";
import { useRemote } from "../../api/remote";
import type { Role } from "../../api/state";
import { Button } from "../../ui/button";
import { Confirm } from "../../ui/dialog";
import { Field } from "../../ui/field";
import { Shown } from "../../ui/remote-view";
import { Ago, At } from "../../ui/time";
import { say } from "../../ui/toast";
import { words } from "../../words";
import { settingsWords } from "../../words/settings";
import { DeedTable } from "./deed-table";
import { FormDialog } from "./form-dialog";
import { OnceDialog, RoleChoice } from "./users";

type Token = Answer<"GET /api/admin/tokens">["data"][number];
type Open =
  { kind: "add" } | { kind: "revoke"; token: Token } | { kind: "made"; name: string; secret: string };

function TokenForm(props: { onClose: () => void; onMade: (name: string, secret: string) => void }) {
  const t = settingsWords().tokens;
  const [name, setName] = useState("");
  const [role, setRole] = useState<Exclude<Role, "none">>("viewer");
  const [life, setLife] = useState("2160h");
  const [scope, setScope] = useState("");
  const scopeOf = () => {
    if (!scope.trim()) return {};
    try {
      return { scope: JSON.parse(scope) as unknown };
    } catch {
      throw new ApiError(400, {
        field: "scope",
        detail: settingsWords().notJson,
      });
    }
  };
  const save = async () => {
    const body = {
      name,
      role,
      ...scopeOf(),
      ...(life ? { expiresIn: life } : {}),
    };
    const made = await call("POST /api/admin/tokens", { body });
    props.onMade(made.name, made.token);
  };
  return (
    <FormDialog
      title={t.add}
      verb={words().actions.save}
      fields={["name", "role", "scope"]}
      save={save}
      onClose={props.onClose}
    >
      {(errorOf) => (
        <>
          <Field label={t.name} error={errorOf("name")}>
            {(ids) => (
              <input
                {...ids}
                value={name}
                required
                autocomplete="off"
                onInput={(e) => setName(e.currentTarget.value)}
              />
            )}
          </Field>
          <Field label={t.role} hint={settingsWords().users.roles[role]} error={errorOf("role")}>
            {(ids) => <RoleChoice ids={ids} value={role} onChange={setRole} />}
          </Field>
          <Field label={t.life}>
            {(ids) => (
              <select {...ids} value={life} onChange={(e) => setLife(e.currentTarget.value)}>
                {Object.entries(t.lives).map(([value, text]) => (
                  <option key={value} value={value}>
                    {text}
                  </option>
                ))}
              </select>
            )}
          </Field>
          <Field label={t.scopeField} hint={t.scopeHint} error={errorOf("scope")}>
            {(ids) => (
              <input
                {...ids}
                class="mono"
                value={scope}
                spellcheck={false}
                onInput={(e) => setScope(e.currentTarget.value)}
              />
            )}
          </Field>
        </>
      )}
    </FormDialog>
  );
}

export function Tokens() {
  const t = settingsWords().tokens;
  const tokens = useRemote("tokens", (signal) => call("GET /api/admin/tokens", { signal }));
  const [open, setOpen] = useState<Open | null>(null);
  const close = () => setOpen(null);
  return (
    <>
      <div class="settings-actions">
        <Button icon="plus" kind="main" onClick={() => setOpen({ kind: "add" })}>
          {t.add}
        </Button>
      </div>
      <Shown of={tokens}>
        {({ data }) =>
          data.length === 0 ? (
            <p class="quiet">{t.empty}</p>
          ) : (
            <DeedTable
              label={settingsWords().sections.tokens}
              heads={[t.name, t.role, t.scope, t.expires, t.lastUsed]}
              deedsHead={t.revoke}
              rows={data}
              cells={(token) => (
                <>
                  <td class="strong">{token.name}</td>
                  <td>{words().roles[token.role]}</td>
                  <td>{token.scope ? <code>{JSON.stringify(token.scope)}</code> : t.wholeScope}</td>
                  <td>{token.expiresAt ? <At when={token.expiresAt} /> : t.never}</td>
                  <td>
                    <Ago when={token.lastUsedAt} none={t.unused} />
                  </td>
                </>
              )}
              deeds={(token) => (
                <Button
                  kind="quiet"
                  icon="trash-2"
                  label={`${t.revoke} ${token.name}`}
                  onClick={() => setOpen({ kind: "revoke", token })}
                />
              )}
            />
          )
        }
      </Shown>
      {open?.kind === "add" && (
        <TokenForm
          onClose={() => setOpen((now) => (now?.kind === "made" ? now : null))}
          onMade={(name, secret) => {
            setOpen({ kind: "made", name, secret });
            void tokens.reload();
          }}
        />
      )}
      {open?.kind === "made" && (
        <OnceDialog title={t.made(open.name)} text={t.madeText} secret={open.secret} onClose={close} />
      )}
      {open?.kind === "revoke" && (
        <Confirm
          title={t.revokeTitle(open.token.name)}
          text={<p>{t.revokeText}</p>}
          verb={t.revoke}
          onClose={close}
          act={async () => {
            await call("DELETE /api/admin/tokens/{token}", {
              path: { token: open.token.id },
            });
            say(t.revoked(open.token.name));
            void tokens.reload();
          }}
        />
      )}
    </>
  );
}
