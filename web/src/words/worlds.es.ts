export const worlds = { title: "Mundos" };
