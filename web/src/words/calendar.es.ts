const n = (value: number) => value.toLocaleString("es-ES", { useGrouping: "always" });

export const calendar = {
  title: "Calendario",
  views: { label: "Vista", day: "Día", week: "Semana", month: "Mes" },
  previous: "Anterior",
  next: "Siguiente",
  today: "Hoy",
  ran: (count: number) => (count === 1 ? "1 ejecución" : `${n(count)} ejecuciones`),
  failed: (count: number) => (count === 1 ? "1 con problemas" : `${n(count)} con problemas`),
  planned: (count: number) => (count === 1 ? "1 prevista" : `${n(count)} previstas`),
  peak: (peak: number, max: number) => `hasta ${n(peak)} a la vez (máx. ${n(max)})`,
  nothing: "nada",
  more: "más",
  less: "menos",
  legend: "Tono: cuántas. Contorno: aún por venir. Esquina: alguna falló.",
  quiet: "Huecos tranquilos",
  quietNone: "No hay huecos: empieza algo a todas horas por igual.",
  quietLevel: (runs: number) =>
    runs === 0 ? "no empieza nada" : `solo lo de siempre (${n(runs)} por cada 5 min)`,
  short: (hours: number) => `${n(hours)} h: cambia la hora`,
  capacity: (busy: string) => `${busy} de la capacidad`,
  capacityTitle: (max: number) => `Ocupación por hora; la línea es la capacidad (${n(max)} a la vez)`,
  hour: "Hora",
  estimated: "Con tantas tareas, lo previsto es una estimación.",
  grid: "Ejecuciones por hora",
};
