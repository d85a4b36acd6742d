using LoraAspire.Model;
using LoraAspire.Pipelines.Messages;
using LoraAspire.Pipelines.Yaml;
using LoraAspire.Runtime.Store;
using StackExchange.Redis;

namespace LoraAspire.Cli;

/// <summary>Which exceptions are a user's or a machine's trouble, told by their message; any other is a bug of this program.</summary>
internal static class Fault
{
    public static bool HasWords(Exception error) => error is CliException or PipelineException or MessageFormatException or ModelException
        or StoreException or RedisException or TimeoutException or IOException or UnauthorizedAccessException;
}
