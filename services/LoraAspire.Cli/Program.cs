using System.CommandLine;
using LoraAspire.Cli;
using LoraAspire.Cli.Data;

var root = new RootCommand("lora: submit, watch and cancel fine-tuning runs, and talk to the model.")
{
    RunCommand.Create(), CheckCommand.Create(), RunsCommand.Create(), LogsCommand.Create(), CancelCommand.Create(), ChatCommand.Create(), DataCommand.Create(), GpuCommand.Create(),
};
return await root.Parse(args).InvokeAsync(new() { EnableDefaultExceptionHandler = false }).Guarded();
