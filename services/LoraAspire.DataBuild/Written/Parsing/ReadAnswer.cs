namespace LoraAspire.DataBuild.Written.Parsing;

/// <summary>What could be read from a model's answer, in its order, and a reason for each part that couldn't.</summary>
internal sealed record ReadAnswer<T>(IReadOnlyList<T> Items, IReadOnlyList<string> Dropped)
{
    public const string CutOff = "cut off in the middle";
    public const string Prose = "prose around the items";
}
