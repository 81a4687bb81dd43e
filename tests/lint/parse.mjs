// Reads workflows and actions with GitHub's own parser, and tells what it does not take. Arguments: files.
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { NoOperationTraceWriter, convertWorkflowTemplate, parseWorkflow } from "@actions/workflow-parser";
import { parseAction } from "@actions/workflow-parser/actions/action-parser";

async function main(files) {
  let wrong = 0;
  for (const name of files) {
    const file = { name, content: readFileSync(name, "utf8") };
    const isAction = /^action\.ya?ml$/.test(basename(name));
    const read = (isAction ? parseAction : parseWorkflow)(file, new NoOperationTraceWriter());
    // What only shows when the tree is put together: jobs that need what is not there. Throws on files with other errors.
    if (!isAction && read.value && read.context.errors.getErrors().length === 0) {
      await convertWorkflowTemplate(read.context, read.value);
    }
    for (const error of read.context.errors.getErrors()) {
      wrong += 1;
      console.log(error.message.startsWith(name) ? error.message : `${name}: ${error.message}`);
    }
  }
  console.log(`${files.length} files, ${wrong} errors`);
  process.exitCode = files.length === 0 || wrong > 0 ? 1 : 0;
}

main(process.argv.slice(2));
