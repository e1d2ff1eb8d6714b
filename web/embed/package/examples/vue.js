import { createApp, h, ref } from "vue";
import "sereno-world";

// With templates: compilerOptions.isCustomElement = (tag) => tag.startsWith("world-"), and
// <world-paused-banner :world-id="world.id" :endpoint="…" @sereno-resumed="isPaused = false" />
const root = document.getElementById("app");
const world = JSON.parse(root.dataset.world);

createApp({
  setup() {
    const isPaused = ref(world.isPaused);
    return () =>
      isPaused.value
        ? [
            h("world-paused-banner", {
              "world-id": world.id,
              "world-name": world.name,
              "pause-reason": world.pauseReason,
              "paused-at": world.pausedAt,
              endpoint: `/api/worlds/${world.id}/resume`,
              "onSereno-resumed": () => (isPaused.value = false),
            }),
            h("world-paused-badge", { "pause-reason": world.pauseReason }),
          ]
        : h("p", `${world.name} está despierto.`);
  },
}).mount(root);
