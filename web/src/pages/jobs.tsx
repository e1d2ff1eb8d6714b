import { Page } from "../ui/page";
import { words } from "../words";

export function JobsPage() {
  return <Page title={words().jobs.title} />;
}
