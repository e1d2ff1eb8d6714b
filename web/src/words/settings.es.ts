export const settings = {
  title: "Ajustes",
  sections: {
    general: "General",
    limits: "Límites",
    retention: "Conservación",
    notices: "Avisos",
    worlds: "Mundos",
    executors: "Ejecutores",
    live: "Estado vivo",
    users: "Usuarios y papeles",
    tokens: "Fichas de API",
    sessions: "Sesiones",
    backup: "Copias",
    about: "Acerca de",
  },
  leads: {
    general: "Lo que vale para todo.",
    limits:
      "Cuánto a la vez, cuánto tiempo y qué pasa cuando algo falla una y otra vez.",
    retention: "Cuánto se recuerda y cuándo se borra.",
    notices: "Se guardan ya; enviar avisos llegará con los canales de alerta.",
    worlds: "Cuándo duermen, cuándo se archivan y cuánto cuestan.",
    executors:
      "Lo que una tarea puede nombrar como orden, y lo que el servidor permite.",
    live: "Dónde vive el estado de los mundos activos.",
    users: "Quién entra y qué puede hacer.",
    tokens: "Para programas. Una ficha se enseña una sola vez, al crearla.",
    sessions: "Quién tiene la sesión abierta ahora.",
    backup: "Una copia de la base de datos, sin parar el servidor.",
    about: "Versión, salud y toda la configuración con su procedencia.",
  },
  sectionsLabel: "Apartados",
  search: "Buscar un ajuste",
  found: (n: number) => (n === 1 ? "1 ajuste" : `${n} ajustes`),
  noneFound: "Ningún ajuste se llama así.",
  default: (value: string) => `Por omisión: ${value}`,
  noValue: "sin valor",
  yes: "sí",
  no: "no",
  origin: "Procedencia",
  origins: {
    default: "por omisión",
    database: "base de datos",
    file: "fichero",
    ".env": ".env",
    env: "entorno",
    flag: "línea de órdenes",
  } as Record<string, string>,
  restart: "Se cambia en la configuración del servidor y necesita reiniciarlo",
  restore: "Volver al valor por omisión",
  saved: (name: string) => `Guardado: ${name}.`,
  readOnly: "Solo quien administra puede cambiarlos.",
  notNumber: "Escribe un número.",
  notJson: "No es JSON válido.",
  between: (min: string, max: string) => `Entre ${min} y ${max}.`,
  on: "Activado",
  off: "Desactivado",
  variable: (name: string) => `Variable ${name}`,
  health: "Salud",
  checks: {
    ready: "Planifica",
    store: "Base de datos",
    warden: "Vigilante de procesos",
    clock: "Reloj",
    worlds: "Base de mundos",
    live: "Estado vivo",
  } as Record<string, string>,
  well: "bien",
  unwell: "mal",
  version: "Versión",
  configuration: "Configuración del servidor",
  users: {
    name: "Nombre",
    role: "Papel",
    lastLogin: "Última entrada",
    never: "nunca",
    disabled: "Desactivada",
    noPassword: "sin contraseña",
    add: "Nueva cuenta",
    password: "Contraseña",
    newPassword: "Contraseña nueva (vacía: la de ahora)",
    passwordHint: "Al menos 12 caracteres.",
    optionalPassword: "Vacía: se entra por enlace.",
    created: (name: string) => `Cuenta ${name} creada.`,
    changed: (name: string) =>
      `Cuenta ${name} cambiada; sus sesiones se han cerrado.`,
    remove: (name: string) => `Borrar la cuenta ${name}`,
    removeText:
      "Se borra con sus fichas y sesiones. Lo que hizo sigue en la auditoría.",
    removed: (name: string) => `Cuenta ${name} borrada.`,
    link: "Enlace para entrar",
    linkText:
      "Sirve una vez y caduca en 10 minutos. Quien lo tenga entra con esta cuenta.",
    isDisabled: "Desactivada: no puede entrar",
    roles: {
      viewer: "Lee todo.",
      operator: "Además ejecuta, detiene, pausa y reanuda.",
      editor: "Además crea, edita y borra tareas.",
      admin: "Todo: lo crítico, ajustes, cuentas, fichas y auditoría.",
    },
    rolesTitle: "Qué puede cada papel",
  },
  tokens: {
    add: "Nueva ficha",
    name: "Nombre",
    role: "Papel",
    scope: "Alcance",
    wholeScope: "todo",
    expires: "Caduca",
    never: "nunca",
    lastUsed: "Último uso",
    unused: "sin usar",
    life: "Dura",
    lives: {
      "": "Siempre",
      "24h": "1 día",
      "168h": "7 días",
      "720h": "30 días",
      "2160h": "90 días",
    } as Record<string, string>,
    scopeField: "Alcance (JSON, vacío: todo)",
    scopeHint: '{"jobs":["nombre"]}, {"worlds":true}, {"nets":["10.0.0.0/8"]}',
    made: (name: string) => `Ficha ${name}`,
    madeText:
      "Cópiala ahora: no se vuelve a enseñar. Aquí solo queda su huella.",
    revoke: "Revocar",
    revokeTitle: (name: string) => `Revocar la ficha ${name}`,
    revokeText: "Lo que la use dejará de entrar en este momento.",
    revoked: (name: string) => `Ficha ${name} revocada.`,
    empty: "Ninguna ficha.",
  },
  sessions: {
    user: "Cuenta",
    address: "Desde",
    agent: "Navegador",
    since: "Empezó",
    seen: "Última petición",
    end: "Cerrar",
    ended: "Sesión cerrada.",
    mine: "esta",
    empty: "Ninguna sesión abierta.",
  },
  executors: {
    builtin: "incluido",
    program: "programa",
    enabled: "disponible",
    disabled: "desactivado",
    name: "Nombre",
    what: "Qué hace",
    kind: "Tipo",
    state: "Estado",
  },
  backup: {
    make: "Hacer una copia ahora",
    made: "Copia hecha",
    where: "Está en",
    text: "La copia es un fichero completo de la base de datos en la carpeta backups del servidor. Restaurar se hace con el servidor parado:",
    postgres: "Con PostgreSQL, haz la copia con pg_dump.",
  },
  items: {
    isEnabled: {
      name: "Planificador",
      help: "Desactivado, nada se ejecuta solo; a mano sigue funcionando.",
    },
    timezone: {
      name: "Zona horaria",
      help: "La de las tareas que no dicen otra.",
    },
    maxConcurrentJobs: {
      name: "Ejecuciones a la vez",
      help: "Entre todas las tareas; el resto espera en cola.",
    },
    defaultTimeout: {
      name: "Tiempo máximo",
      help: "Segundos, para las tareas que no dicen otro. Después se corta.",
    },
    backoffStrategy: {
      name: "Espera entre reintentos",
      help: "Cómo crece; sin valor: lineal.",
    },
    escalateAfter: {
      name: "Fallos hasta avisar a más gente",
      help: "Seguidos; sin valor: 5.",
    },
    disableAfter: {
      name: "Fallos hasta desactivar",
      help: "Seguidos; 0 o sin valor: nunca se desactiva sola.",
    },
    pools: {
      name: "Grupos con límite",
      help: "Nombre de grupo o categoría y cuántas a la vez, en JSON.",
    },
    keepExecutions: {
      name: "Ejecuciones que se guardan",
      help: "Las más nuevas, entre todas las tareas.",
    },
    cleanupDays: {
      name: "Días que se guardan",
      help: "Las ejecuciones más viejas se borran.",
    },
    keepLastPerJob: {
      name: "Siempre quedan, por tarea",
      help: "Las más nuevas de cada tarea no se borran nunca; sin valor: 1.",
    },
    ledgerDays: {
      name: "Días de libro detallado",
      help: "Después cada día se resume en una fila; sin valor: 90.",
    },
    ledgerRowsPerJob: {
      name: "Filas del libro por tarea",
      help: "Sin valor: 100.000.",
    },
    ledgerRows: {
      name: "Filas del libro en total",
      help: "Sin valor: 20.000.000.",
    },
    alertOnFailure: {
      name: "Avisar cuando algo falla",
      help: "Lo que vale para las tareas que no dicen otra cosa.",
    },
    alertEmail: {
      name: "Correo para avisos",
      help: "Se guarda; el envío llegará con los canales de alerta.",
    },
    slackWebhook: {
      name: "Webhook de Slack",
      help: "Se guarda y nunca se enseña; el envío llegará con los canales.",
    },
    webhookUrl: {
      name: "Webhook propio",
      help: "Se guarda y nunca se enseña; el envío llegará con los canales.",
    },
    alertChannels: {
      name: "Canales por omisión",
      help: "Lista en JSON; el envío llegará con los canales.",
    },
    pauseAfterHours: {
      name: "Horas hasta pausar",
      help: "Sin actividad de nadie.",
    },
    archiveAfterDays: { name: "Días hasta archivar", help: "Sin actividad." },
    markAfterDays: {
      name: "Días hasta marcar para borrar",
      help: "Sin actividad.",
    },
    deleteAfterDays: {
      name: "Días hasta borrar",
      help: "Sin actividad; siempre después de avisar.",
    },
    deletionWarningDays: {
      name: "Días de aviso, al menos",
      help: "Entre la marca y el borrado, si la marca llegó tarde.",
    },
    markGraceHours: { name: "Retraso tolerado de la marca", help: "Horas." },
    mailBeforeArchiveDay: {
      name: "Día del correo antes de archivar",
      help: "0: no se envía.",
    },
    mailMarkDay: {
      name: "Día del correo de la marca",
      help: "0: no se envía.",
    },
    mailBeforeDeletionDay: {
      name: "Día del correo antes de borrar",
      help: "0: no se envía.",
    },
    mailOnPause: { name: "Correo al pausar", help: "" },
    eventCostUSD: {
      name: "Coste de un evento",
      help: "Dólares; para calcular el ahorro.",
    },
    eventsPerDay: {
      name: "Eventos por mundo y día",
      help: "Para el cálculo, y como tope.",
    },
    directorCostUSD: {
      name: "Coste de una evaluación del director",
      help: "Dólares.",
    },
    directorPerDay: {
      name: "Evaluaciones por mundo y día",
      help: "Para el cálculo, y como tope.",
    },
    redisMBPerWorld: {
      name: "Memoria de un mundo vivo",
      help: "MB, donde no se puede medir.",
    },
    coreStateKB: {
      name: "Estado mínimo de un mundo",
      help: "KB, tras la limpieza.",
    },
    interactionKB: { name: "Tamaño de una interacción", help: "KB." },
    cleanupIdleSec: {
      name: "Segundos hasta limpiar",
      help: "El estado vivo de mundos quietos se guarda y se libera.",
    },
    tempEventMaxAgeSec: {
      name: "Vida de los eventos temporales",
      help: "Segundos.",
    },
    eventActiveWindowSec: {
      name: "Ventana de actividad",
      help: "Segundos: solo ahí nacen eventos.",
    },
    tickWhenIdle: {
      name: "Avanzar sin nadie delante",
      help: "Si el mundo sigue cuando su usuario lleva más de una hora fuera.",
    },
    manualPauseResumableByOwnerOnly: {
      name: "Solo el dueño reanuda su pausa",
      help: "Un mensaje de otra persona no la levanta.",
    },
    consolidateAbove: {
      name: "Consolidar a partir de",
      help: "Interacciones.",
    },
    consolidateKeep: {
      name: "Interacciones que quedan",
      help: "Las más nuevas, tras consolidar.",
    },
    archiveRetentionDays: {
      name: "Días que vive el archivo",
      help: "0: para siempre.",
    },
    exportRetentionDays: {
      name: "Días que viven las exportaciones",
      help: "De mundos borrados.",
    },
    hibernateAboveKB: { name: "Comprimir a partir de", help: "KB de estado." },
    eventMeanMinutes: {
      name: "Minutos entre eventos",
      help: "De media, sin otra causa.",
    },
    llmCallsPerDay: {
      name: "Llamadas al modelo por día",
      help: "Para resúmenes, entre todos los mundos.",
    },
    analyticsRetentionDays: {
      name: "Días de analítica",
      help: "Las filas más viejas se borran.",
    },
  } as Record<string, { name: string; help: string }>,
  /** Keys of the configuration; where none stands here, the server's own help is shown. */
  config: {
    "data.dir":
      "Carpeta de base de datos, salidas, claves y vigilante; solo con --data o SERENO_DATA.",
    "http.address": "Dirección en la que escucha.",
    "http.port": "Puerto en el que escucha; 0: uno libre.",
    "http.port_file":
      "Fichero que recibe el puerto cuando el servidor escucha.",
    "http.tls_cert": "Fichero PEM con la cadena de certificados.",
    "http.tls_key": "Fichero PEM con la clave privada.",
    "http.insecure":
      "Permite HTTP sin cifrar en una dirección que no es de esta máquina.",
    "http.public_url":
      "Cómo llegan los navegadores al servidor; para los enlaces.",
    "http.base_path":
      "Ruta bajo la que un proxy lo enseña todo, p. ej. /sereno.",
    "api.cron_secret": "Secreto de los dos puntos de cron.",
    "cron.enabled":
      "Solo el texto exacto false apaga los arranques planificados.",
    "executors.shell": "Permite tareas con el ejecutor shell.",
    "executors.folder":
      "Carpeta de programas que las tareas pueden nombrar; por omisión DATA/executors.",
    "executors.http_allow_private":
      "Redes privadas a las que llega el ejecutor http, separadas por comas.",
    "executors.temp_roots":
      "Carpetas que temp_files_cleanup puede limpiar, separadas por dos puntos.",
    "executors.path": "PATH de todas las tareas.",
    "warden.idle_exit_seconds":
      "Un vigilante sin cliente ni ejecuciones termina tras este tiempo.",
    "spool.days": "Días que se guardan las salidas enteras.",
    "spool.max_mb": "Megabytes de salidas; primero se borran las más viejas.",
    "log.level": "debug, info, warn, error o critical.",
    "log.format": "json, text, o auto: texto en una terminal.",
    "serve.stop_seconds": "Segundos que se da a las peticiones tras SIGTERM.",
    "store.url": "PostgreSQL; sin valor: SQLite en DATA.",
    "store.cron":
      "Dónde están tareas y ejecuciones: auto, junto a los mundos; embedded, siempre en DATA/sereno.db.",
    "live.url": "Redis con el estado vivo de los mundos.",
    "live.upstash_url": "Upstash REST con el estado vivo de los mundos.",
    "live.upstash_token": "Y su ficha.",
    "live.mode":
      "auto: upstash o redis si hay dirección, si no embedded; embedded, redis, upstash, none.",
    "live.prefix": "Prefijo de las claves de un mundo.",
    "live.global": "Prefijo de las claves de todos los mundos.",
    "live.extra_keys":
      "Sufijos de claves propias de la aplicación, separados por comas: se limpian con el mundo.",
    "llm.base_url":
      "Punto compatible con OpenAI para resúmenes; sin valor: se extraen sin modelo.",
    "llm.api_key": "Su clave.",
    "llm.model": "Su modelo.",
    "worlds.lanes": "Hilos para los mundos, cada uno con sus conexiones.",
    "api.cron_nets":
      "Redes que pueden llamar a los dos puntos de cron; sin valor: todas.",
    "api.proxy_nets":
      "Redes de proxies cuyo X-Forwarded-For se cree; sin valor: ninguna.",
  } as Record<string, string>,
};
