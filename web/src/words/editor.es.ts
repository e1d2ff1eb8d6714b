export const editor = { title: "Editar tarea" };
