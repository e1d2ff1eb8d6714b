export const job = { title: "Tarea" };
