using System.CommandLine;
using LoraAspire.Pipelines.Yaml.Schemas;

namespace LoraAspire.Cli;

/// <summary>What a pipeline may hold, for editors.</summary>
internal static class SchemaCommand
{
    public static Command Create()
    {
        Command command = new("schema", "Print the JSON Schema of a pipeline, by which editors complete keys and mark slips.");
        command.SetAction(_ => JsonScreen.Write(PipelineSchema.Create()));
        return command;
    }
}
