export const round = { title: "Ronda" };
