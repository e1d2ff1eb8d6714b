export const world = { title: "Mundo" };
