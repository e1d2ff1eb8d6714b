// Section 4: what it may take, and what it may meet.
import { may } from "../../api/state";
import { editorWords } from "../../words/editor";
import type { Editor } from "./editor-state";
import { CheckInput, ChoiceInput, More, NumberInput, TextInput, YesNoInput } from "./inputs";

export function Limits({ ed }: { ed: Editor }) {
  const t = editorWords();
  const isAdmin = may("admin");
  return (
    <>
      <div class="grid">
        <ChoiceInput ed={ed} name="overlapPolicy" otherwise="skip" />
        <CheckInput ed={ed} name="allowConcurrent" />
      </div>
      <div class="grid thirds">
        <NumberInput ed={ed} name="priority" />
        <NumberInput ed={ed} name="cpuLimitPct" placeholder={t.useDefault(t.defaultOf.none)} />
        <NumberInput ed={ed} name="memoryLimitMB" placeholder={t.useDefault(t.defaultOf.none)} />
      </div>
      <More
        ed={ed}
        names={["pool", "concurrencyKey", "group", "queueTimeout", "pidsLimit", "runAs", "noNewPrivs"]}
      >
        <TextInput ed={ed} name="pool" isCode />
        <TextInput ed={ed} name="group" isCode />
        <TextInput ed={ed} name="concurrencyKey" isCode />
        <NumberInput ed={ed} name="queueTimeout" />
        <NumberInput ed={ed} name="pidsLimit" />
        {isAdmin && <TextInput ed={ed} name="runAs" isCode />}
        {isAdmin && <YesNoInput ed={ed} name="noNewPrivs" otherwise={t.defaultOf.yes} />}
      </More>
    </>
  );
}
