import type { login as spanish } from "./login.es";

export const login: typeof spanish = {
  title: "Log in",
  lead: "The night watchman looks after your jobs. Say who you are.",
  sessionOver: "Your session has ended. Log in again and go on where you were.",
  name: "Name",
  password: "Password",
  wrong: "The name or the password is wrong.",
  linkVoid: "This link was used already or is older than 10 minutes. Ask for another.",
  tooMany: "Too many tries in a row.",
  wait: (seconds) => `You can try again in ${seconds} s.`,
  starting: "The server is still starting. Try again in a moment.",
  offline: "There is no connection to the server.",
  noPassword: "No password? On the server, this gives a link that logs in once:",
};
