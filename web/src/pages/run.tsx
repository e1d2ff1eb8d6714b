import { Page } from "../ui/page";
import { words } from "../words";

export function RunPage() {
  return <Page title={words().run.title} />;
}
