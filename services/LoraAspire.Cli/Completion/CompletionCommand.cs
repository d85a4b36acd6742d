using System.CommandLine;

namespace LoraAspire.Cli.Completion;

/// <summary>What a shell needs to complete words of <c>lora</c>: a script that asks <c>lora</c> itself, by [suggest].</summary>
internal static class CompletionCommand
{
    public static Command Create()
    {
        Argument<string> shell = new("shell") { Description = "Whose script" };
        shell.AcceptOnlyFromAmong("bash", "zsh", "fish");
        Command command = new("completion", "Print a script that completes commands, options and their values in a shell.") { shell };
        command.SetAction(parsed => Console.Write(Script(parsed.GetRequiredValue(shell))));
        return command;
    }

    private static string Script(string shell)
    {
        using StreamReader script = new(typeof(CompletionCommand).Assembly.GetManifestResourceStream($"completion.{shell}")!);
        return script.ReadToEnd();
    }
}
