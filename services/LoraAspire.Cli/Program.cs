using System.Globalization;
using LoraAspire.Cli;
using LoraAspire.Terminal;
using Spectre.Console;

CleanConsole.Guard();
CultureInfo.DefaultThreadCurrentCulture = CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
if (Console.IsOutputRedirected)
{
    AnsiConsole.Profile.Width = JsonScreen.WithoutWidth;
}
return await LoraCommand.RunAsync(args);
