export const login = { title: "Entrar" };
