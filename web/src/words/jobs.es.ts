export const jobs = { title: "Tareas" };
