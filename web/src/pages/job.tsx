import { Page } from "../ui/page";
import { words } from "../words";

export function JobPage() {
  return <Page title={words().job.title} />;
}
