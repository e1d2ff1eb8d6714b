import { Page } from "../ui/page";
import { words } from "../words";

export function RoundPage() {
  return <Page title={words().round.title} />;
}
