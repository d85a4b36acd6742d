using System.Globalization;
using LoraAspire.Cli;
using LoraAspire.Terminal;
using Spectre.Console;

CleanConsole.Guard();
CultureInfo.DefaultThreadCurrentCulture = CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
if (Console.IsOutputRedirected)
{
    // A file or a pipe has no width to fit into; at 80 letters a run's id would be broken in two.
    AnsiConsole.Profile.Width = 1000;
}
return await LoraCommand.RunAsync(args);
