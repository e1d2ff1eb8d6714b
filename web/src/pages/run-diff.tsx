import { Page } from "../ui/page";
import { words } from "../words";

export function RunDiffPage() {
  return <Page title={words().run.title} />;
}
