namespace LoraAspire.Model.Generation.Constraints;

/// <summary>
/// A schema, or a tool's parameters, that answers can't be held to; or an answer that can't go on. In words for the API's caller.
/// </summary>
/// <param name="pointer">JSON pointer of the part of the schema that is meant; null where no part is to blame.</param>
public sealed class ConstraintException(string message, string? pointer = null, Exception? inner = null)
    : ModelException(pointer is null ? message : $"{pointer}: {message}", inner)
{
    public string? Pointer { get; } = pointer;
}
