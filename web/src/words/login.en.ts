import type { login as spanish } from "./login.es";

export const login: typeof spanish = { title: "Log in" };
