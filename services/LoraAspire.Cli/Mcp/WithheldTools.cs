using LoraAspire.Pipelines;
using ModelContextProtocol;
using ModelContextProtocol.Protocol;

namespace LoraAspire.Cli.Mcp;

/// <summary>What is said of a tool that this server doesn't offer: one that it could is refused with the way to have it.</summary>
internal static class WithheldTools
{
    /// <exception cref="McpProtocolException">There is no such tool at all.</exception>
    public static CallToolResult Answer(string? name) => WritingTools.All().Any(tool => tool.ProtocolTool.Name == name)
        ? new()
        {
            IsError = true,
            Content = [new TextContentBlock
            {
                Text = $"{name} is not allowed: this server only reads. Its user can start it as `lora mcp --allow-submit`.",
            }],
        }
        : throw new McpProtocolException($"There is no tool '{Identifiers.Shown(name)}'.", McpErrorCode.InvalidParams);
}
