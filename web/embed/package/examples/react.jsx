import { createRoot } from "react-dom/client";
import { useState } from "react";
import { WorldPausedBadge, WorldPausedBanner } from "sereno-world/react";

function WorldPage({ world }) {
  const [isPaused, setPaused] = useState(world.isPaused);
  if (!isPaused) return <p>{world.name} está despierto.</p>;
  return (
    <>
      <WorldPausedBanner
        worldId={world.id}
        worldName={world.name}
        pauseReason={world.pauseReason || "manual"}
        pausedAt={world.pausedAt || ""}
        onResume={() => setPaused(false)}
      />
      <WorldPausedBadge pauseReason={world.pauseReason || undefined} />
    </>
  );
}

const root = document.getElementById("app");
createRoot(root).render(<WorldPage world={JSON.parse(root.dataset.world)} />);
