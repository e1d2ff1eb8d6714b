import { Page } from "../ui/page";
import { words } from "../words";

export function WorldPage() {
  return <Page title={words().world.title} />;
}
