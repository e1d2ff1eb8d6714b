export const login = {
  title: "Entrar",
  lead: "El sereno vela por tus tareas. Di quién eres.",
  sessionOver: "Tu sesión ha terminado. Entra otra vez y sigues donde estabas.",
  name: "Nombre",
  password: "Contraseña",
  wrong: "El nombre o la contraseña no son correctos.",
  linkVoid: "Este enlace ya se usó o tiene más de 10 minutos. Pide otro.",
  tooMany: "Demasiados intentos seguidos.",
  wait: (seconds: number) => `Puedes volver a probar en ${seconds} s.`,
  starting: "El servidor aún está arrancando. Prueba dentro de un momento.",
  offline: "No hay conexión con el servidor.",
  noPassword: "¿Sin contraseña? En el servidor, esto da un enlace para entrar una vez:",
};
