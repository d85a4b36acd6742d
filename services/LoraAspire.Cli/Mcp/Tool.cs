using ModelContextProtocol;
using ModelContextProtocol.Server;

namespace LoraAspire.Cli.Mcp;

/// <summary>A tool of the protocol from a method; what the command line would say of a fault is what the assistant is told.</summary>
internal static class Tool
{
    public static McpServerTool Reading(string name, string description, Delegate does) =>
        Of(name, description, does, readOnly: true, destructive: false);

    /// <param name="destructive">It ends what can't be brought back by another tool.</param>
    public static McpServerTool Writing(string name, string description, Delegate does, bool destructive = false) =>
        Of(name, description, does, readOnly: false, destructive);

    private static McpServerTool Of(string name, string description, Delegate does, bool readOnly, bool destructive) =>
        McpServerTool.Create(does,
            new() { Name = name, Description = description, ReadOnly = readOnly, Destructive = destructive, OpenWorld = false });

    /// <returns>The value as <c>--json</c> prints it.</returns>
    /// <exception cref="McpException">With the words of what went wrong.</exception>
    public static async Task<string> AnswerAsync(Func<Task<object>> find)
    {
        try
        {
            return JsonScreen.Text(await find());
        }
        catch (Exception error) when (Fault.HasWords(error))
        {
            throw new McpException(error.Message, error);
        }
        catch (ObjectDisposedException error)
        {
            throw new McpException("The app was started again meanwhile: ask again.", error);
        }
    }
}
