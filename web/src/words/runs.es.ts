export const runs = { title: "Ejecuciones" };
