namespace LoraAspire.Model.Generation.Tools;

/// <summary>A part of an answer.</summary>
public abstract record ToolPiece
{
    private ToolPiece()
    {
    }

    public sealed record Text(string Value) : ToolPiece;

    /// <summary>A whole call.</summary>
    /// <param name="ArgumentsJson">A JSON object, as the model wrote it.</param>
    public sealed record Call(string Name, string ArgumentsJson) : ToolPiece;
}
