export const run = { title: "Ejecución" };
