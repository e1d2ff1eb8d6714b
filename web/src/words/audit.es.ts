export const audit = { title: "Auditoría" };
