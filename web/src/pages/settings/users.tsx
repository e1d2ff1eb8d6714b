// Accounts: who comes in and what they may do.
import { useState } from "preact/hooks";
import { type Answer, call } from "../../api/client";
import { useRemote } from "../../api/remote";
import { type Role, session } from "../../api/state";
import { Button } from "../../ui/button";
import { Copy } from "../../ui/copy";
import { Confirm, Dialog } from "../../ui/dialog";
import { Field } from "../../ui/field";
import { Shown } from "../../ui/remote-view";
import { Ago } from "../../ui/time";
import { say, sayError } from "../../ui/toast";
import { words } from "../../words";
import { settingsWords } from "../../words/settings";
import { DeedTable } from "./deed-table";
import { FormDialog } from "./form-dialog";

type User = Answer<"GET /api/admin/users">["data"][number];
type Open = { kind: "edit" | "remove"; user: User } | { kind: "add" } | { kind: "link"; url: string };
export const roles: readonly Exclude<Role, "none">[] = ["viewer", "operator", "editor", "admin"];

export function RoleChoice(props: {
  ids: object;
  value: Role;
  onChange: (role: Exclude<Role, "none">) => void;
}) {
  const names = words().roles;
  return (
    <select
      {...props.ids}
      value={props.value}
      onChange={(e) => props.onChange(e.currentTarget.value as Exclude<Role, "none">)}
    >
      {roles.map((role) => (
        <option key={role} value={role}>
          {names[role]}
        </option>
      ))}
    </select>
  );
}

function UserForm({ user, onClose, onSaved }: { user?: User; onClose: () => void; onSaved: () => void }) {
  const t = settingsWords().users;
  const [name, setName] = useState(user?.name ?? "");
  const [role, setRole] = useState<Role>(user?.role ?? "viewer");
  const [password, setPassword] = useState("");
  const [isDisabled, setDisabled] = useState(user?.isDisabled ?? false);
  const save = async () => {
    const secret = password ? { password } : {};
    if (user)
      await call("PATCH /api/admin/users/{user}", {
        path: { user: user.id },
        body: { role, isDisabled, ...secret },
      });
    else
      await call("POST /api/admin/users", {
        body: { name, role, isDisabled, ...secret },
      });
    say(user ? t.changed(name) : t.created(name));
    onSaved();
  };
  return (
    <FormDialog
      title={user ? user.name : t.add}
      verb={words().actions.save}
      fields={["name", "role", "password"]}
      save={save}
      onClose={onClose}
    >
      {(errorOf) => (
        <>
          {!user && (
            <Field label={t.name} error={errorOf("name")}>
              {(ids) => (
                <input
                  {...ids}
                  value={name}
                  required
                  autocomplete="off"
                  spellcheck={false}
                  onInput={(e) => setName(e.currentTarget.value)}
                />
              )}
            </Field>
          )}
          <Field label={t.role} hint={t.roles[role === "none" ? "viewer" : role]} error={errorOf("role")}>
            {(ids) => <RoleChoice ids={ids} value={role} onChange={setRole} />}
          </Field>
          <Field
            label={user ? t.newPassword : t.password}
            hint={user ? t.passwordHint : `${t.passwordHint} ${t.optionalPassword}`}
            error={errorOf("password")}
          >
            {(ids) => (
              <input
                {...ids}
                type="password"
                value={password}
                autocomplete="new-password"
                onInput={(e) => setPassword(e.currentTarget.value)}
              />
            )}
          </Field>
          {user && (
            <label class="switch">
              <input
                type="checkbox"
                checked={isDisabled}
                onChange={(e) => setDisabled(e.currentTarget.checked)}
              />
              {t.isDisabled}
            </label>
          )}
        </>
      )}
    </FormDialog>
  );
}

export function Users() {
  const t = settingsWords().users;
  const users = useRemote("users", (signal) => call("GET /api/admin/users", { signal }));
  const [open, setOpen] = useState<Open | null>(null);
  const close = () => setOpen(null);
  const saved = () => void users.reload();
  const makeLink = async (user: User) => {
    try {
      const made = await call("POST /api/auth/login-links", {
        body: { user: user.id },
      });
      setOpen({ kind: "link", url: made.url });
    } catch (error) {
      sayError(error);
    }
  };
  const actions = words().actions;
  return (
    <>
      <div class="settings-actions">
        <Button icon="plus" kind="main" onClick={() => setOpen({ kind: "add" })}>
          {t.add}
        </Button>
      </div>
      <Shown of={users}>
        {({ data }) => (
          <DeedTable
            label={settingsWords().sections.users}
            heads={[t.name, t.role, t.lastLogin]}
            deedsHead={actions.more}
            rows={data}
            cells={(user) => (
              <>
                <td>
                  <span class="strong">{user.name}</span>{" "}
                  {user.isDisabled && <span class="tag">{t.disabled}</span>}{" "}
                  {!user.hasPassword && <span class="tag">{t.noPassword}</span>}
                </td>
                <td>{words().roles[user.role]}</td>
                <td>
                  <Ago when={user.lastLoginAt} none={t.never} />
                </td>
              </>
            )}
            deeds={(user) => (
              <>
                <Button
                  kind="quiet"
                  icon="log-in"
                  label={`${t.link}: ${user.name}`}
                  disabled={user.isDisabled}
                  onClick={() => void makeLink(user)}
                />
                <Button
                  kind="quiet"
                  icon="pencil"
                  label={`${actions.edit} ${user.name}`}
                  onClick={() => setOpen({ kind: "edit", user })}
                />
                <Button
                  kind="quiet"
                  icon="trash-2"
                  label={`${actions.remove} ${user.name}`}
                  disabled={user.name === session.value?.user}
                  onClick={() => setOpen({ kind: "remove", user })}
                />
              </>
            )}
          />
        )}
      </Shown>
      <h3 class="settings-sub">{t.rolesTitle}</h3>
      <dl class="role-list">
        {roles.map((role) => (
          <div key={role}>
            <dt>{words().roles[role]}</dt>
            <dd>{t.roles[role as keyof typeof t.roles]}</dd>
          </div>
        ))}
      </dl>
      {open?.kind === "add" && <UserForm onClose={close} onSaved={saved} />}
      {open?.kind === "edit" && <UserForm user={open.user} onClose={close} onSaved={saved} />}
      {open?.kind === "remove" && (
        <Confirm
          title={t.remove(open.user.name)}
          text={<p>{t.removeText}</p>}
          verb={actions.remove}
          typed={open.user.name}
          onClose={close}
          act={async () => {
            await call("DELETE /api/admin/users/{user}", {
              path: { user: open.user.id },
            });
            say(t.removed(open.user.name));
            saved();
          }}
        />
      )}
      {open?.kind === "link" && (
        <OnceDialog title={t.link} text={t.linkText} secret={open.url} onClose={close} />
      )}
    </>
  );
}

/** Something that is shown this once. */
export function OnceDialog(props: { title: string; text: string; secret: string; onClose: () => void }) {
  return (
    <Dialog title={props.title} onClose={props.onClose} isSticky>
      <div class="dialog-text">
        <p>{props.text}</p>
        <p class="once">
          <code>{props.secret}</code>
          <Copy text={props.secret} />
        </p>
      </div>
    </Dialog>
  );
}
