using System.CommandLine;
using System.Globalization;
using LoraAspire.Cli;
using LoraAspire.Cli.Data;
using LoraAspire.Terminal;
using Spectre.Console;

CleanConsole.Guard();
CultureInfo.DefaultThreadCurrentCulture = CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
if (Console.IsOutputRedirected)
{
    // A file or a pipe has no width to fit into; at 80 letters a run's id would be broken in two.
    AnsiConsole.Profile.Width = 1000;
}
var root = new RootCommand("lora: submit, watch and cancel fine-tuning runs, and talk to the model.")
{
    RunCommand.Create(), CheckCommand.Create(), ConvertCommand.Create(), RunsCommand.Create(), LogsCommand.Create(), CancelCommand.Create(),
    ChatCommand.Create(), DataCommand.Create(), GpuCommand.Create(), GcCommand.Create(),
};
return await root.Parse(args).InvokeAsync(new() { EnableDefaultExceptionHandler = false }).Guarded();
