export const alerts = {
  title: "Alertas",
  lead: (n: number) =>
    n === 0
      ? "Nada necesita a nadie ahora."
      : n === 1
        ? "1 cosa necesita a alguien."
        : `${n} cosas necesitan a alguien.`,
  active: "Activas",
  types: {
    consecutive_failures: (n: number) => `Ha fallado ${n} veces seguidas`,
    job_disabled: (n: number) => `Se ha desactivado tras ${n} fallos seguidos`,
    worlds_unsaved: (n: number) =>
      n === 1 ? "1 mundo espera a guardarse" : `${n} mundos esperan a guardarse`,
    worlds_away: () => "Los almacenes de los mundos no contestan",
    ledger: (n: number) => `La prueba del libro encontró ${n} ${n === 1 ? "diferencia" : "diferencias"}`,
    audit_chain: () => "La auditoría no encaja con su cadena",
  },
  severities: { warning: "Atención", critical: "Crítica" },
  next: {
    consecutive_failures: "Mira la última salida; si ya está arreglado, ejecútala.",
    job_disabled: "Arregla la causa y vuelve a activarla.",
    worlds_unsaved: "Mira si la tarea sync corre y si la base de datos contesta.",
    worlds_away: "Mira la salud en Ajustes, apartado Estado vivo.",
    ledger: "En el servidor, sereno audit dice cuáles.",
    audit_chain: "Alguien ha cambiado la auditoría por fuera: compara con una copia.",
  },
  since: "desde",
  last: "última vez",
  ack: "Me ocupo",
  ackOf: (name: string) => `Me ocupo: ${name}`,
  unack: "Soltarla",
  unackOf: (name: string) => `Soltarla: ${name}`,
  acked: (who: string) => `Se ocupa ${who}`,
  ackDone: "Anotado: te ocupas tú.",
  unackDone: "Nadie se ocupa ya.",
  emptyTitle: "Todo sereno",
  emptyText:
    "Ninguna alerta activa. Aquí aparece lo que falla tres veces seguidas, lo que se desactiva solo y lo que no se pudo guardar.",
  rules: "Reglas",
  rulesText:
    "Todavía no se pueden crear reglas. Por ahora avisa lo que viene puesto: tres fallos seguidos, tareas desactivadas por fallar, mundos sin guardar más de 15 minutos y pruebas que no cuadran.",
  channels: "Canales",
  channelsText:
    "Todavía no se envía nada fuera de aquí: ni correo, ni Slack, ni webhook. Las direcciones se guardan en Ajustes, apartado Avisos; el servidor lo escribe además en su registro.",
  toSettings: "Ir a Avisos",
};
