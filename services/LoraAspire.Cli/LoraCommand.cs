using System.CommandLine;
using LoraAspire.Cli.Data;
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
        CheckCommand.Create(),
        ConvertCommand.Create(),
        ExportCommand.Create(),
        RunsCommand.Create(),
        WorkersCommand.Create(),
        LogsCommand.Create(),
        CancelCommand.Create(),
        ChatCommand.Create(),
        DataCommand.Create(),
        GpuCommand.Create(),
        FitCommand.Create(),
        GcCommand.Create(),
    };

    /// <returns>The exit code: 1 with words for what the user can mend, 130 after Ctrl-C.</returns>
    public static async Task<int> RunAsync(string[] args)
    {
        try
        {
            return await Create().Parse(args).InvokeAsync(new() { EnableDefaultExceptionHandler = false });
        }
        catch (OperationCanceledException)
        {
            return 130;
        }
        catch (Exception error) when (error is CliException or PipelineException or MessageFormatException or ModelException
            or StoreException or RedisException or RedisTimeoutException or IOException or UnauthorizedAccessException)
        {
            await Console.Error.WriteLineAsync(error.Message);
            return 1;
        }
    }
}
