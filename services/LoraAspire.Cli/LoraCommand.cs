using System.CommandLine;
using System.CommandLine.Invocation;
using LoraAspire.Cli.AlpacaLora;
using LoraAspire.Cli.Chat;
using LoraAspire.Cli.Completion;
using LoraAspire.Cli.Data;
using LoraAspire.Cli.Doctor;
using LoraAspire.Cli.Mcp;
using LoraAspire.Cli.RunCommands;
using LoraAspire.Model;
using LoraAspire.Pipelines.Messages;
using LoraAspire.Pipelines.Yaml;
using LoraAspire.Runtime.Store;
using StackExchange.Redis;

namespace LoraAspire.Cli;

/// <summary>The command line of <c>lora</c>.</summary>
internal static class LoraCommand
{
    public static RootCommand Create() => new("lora: submit, watch and cancel fine-tuning runs, and talk to the model.")
    {
        RunCommand.Create(),
        RunsCommand.Create(),
        ShowCommand.Create(),
        LogsCommand.Create(),
        ExplainCommand.Create(),
        CompareCommand.Create(),
        RetryCommand.Create(),
        CancelCommand.Create(),
        RemoveCommand.Create(),
        OpenCommand.Create(),
        PsCommand.Create(),
        ModelsCommand.Create(),
        InitCommand.Create(),
        FinetuneCommand.Create(),
        EvaluateCommand.Create(),
        MergeCommand.Create(),
        GenerateCommand.Create(),
        CheckCommand.Create(),
        ConvertCommand.Create(),
        SchemaCommand.Create(),
        ExportCommand.Create(),
        ChatCommand.Create(),
        DataCommand.Create(),
        DoctorCommand.Create(),
        GpuCommand.Create(),
        FitCommand.Create(),
        GcCommand.Create(),
        CompletionCommand.Create(),
        McpCommand.Create(),
    };

    /// <returns>An <see cref="ExitCode"/>.</returns>
    public static async Task<int> RunAsync(string[] args)
    {
        try
        {
            var parsed = Create().Parse(args);
            InvocationConfiguration configuration = new() { EnableDefaultExceptionHandler = false };
            if (ChatCommand.IsConversation(parsed))
            {
                configuration.ProcessTerminationTimeout = null; // Ctrl-C is the conversation's
            }
            using var output = JsonScreen.Begin(parsed);
            var code = await parsed.InvokeAsync(configuration);
            return parsed.Action is ParseErrorAction ? (int)ExitCode.Usage : code;
        }
        catch (OperationCanceledException)
        {
            return (int)ExitCode.Cancelled;
        }
        catch (Exception error) when (Fault.HasWords(error))
        {
            await Console.Error.WriteLineAsync(error.Message);
            return (int)CodeOf(error);
        }
    }

    private static ExitCode CodeOf(Exception error) => error switch
    {
        CliException told => told.Code,
        FileNotFoundException or DirectoryNotFoundException => ExitCode.NotFound,
        PipelineException or ModelException or StoreException or MessageFormatException => ExitCode.Invalid,
        RedisException or TimeoutException => ExitCode.NoAnswer,
        _ => ExitCode.Failed,
    };
}
