import { Page } from "../ui/page";
import { words } from "../words";

export function EditorPage() {
  return <Page title={words().editor.title} />;
}
