namespace LoraAspire.Model.Generation.Constraints;

/// <summary>What a schema, which may be anyone's, can cost.</summary>
internal static class ConstraintLimits
{
    /// <summary>Letters of a schema. OpenAI's limit on names, enums and the like together is 120,000.</summary>
    public const int Schema = 1 << 18;

    /// <summary>Schemas within a schema that it leads to, each together with what else holds in its place.</summary>
    public const int Rules = 5000;

    /// <summary>Of one place, after anyOf, oneOf and allOf are multiplied out.</summary>
    public const int Alternatives = 256;

    /// <summary>Comparisons and merges of alternatives, in one schema.</summary>
    public const int Merges = 50_000;

    /// <summary>Objects and arrays within each other. Readers of JSON take 64, as a rule.</summary>
    public const int Levels = 32;

    /// <summary>A minLength or minItems beyond this is out of every context's reach.</summary>
    public const int LeastCount = 100_000;

    /// <summary>Letters of a regular expression.</summary>
    public const int Pattern = 2000;

    /// <summary>Groups within groups.</summary>
    public const int PatternNesting = 50;

    /// <summary>Terms made while a schema is compiled.</summary>
    public const int Work = 1_000_000;

    /// <summary>Terms made in the search of one mask, or for the bytes of one token.</summary>
    public const int StepWork = 200_000;

    /// <summary>States searched for one from which a string can still end, where a pattern and a length must both hold.</summary>
    public const int Search = 10_000;

    /// <summary>Terms that a schema's automaton keeps between tokens; then it starts over from the state it is in.</summary>
    public const int KeptTerms = 50_000;

    /// <summary>Masks that a schema keeps; a mask of a 152k vocabulary takes up to 19 KB.</summary>
    public const int KeptMasks = 256;

    /// <summary>Compiled schemas that a tokenizer keeps.</summary>
    public const int KeptGrammars = 8;
}
