namespace LoraAspire.Model.Network.Families;

/// <summary>How families say how far back a token sees: per layer a number of positions, itself included; null sees all.</summary>
internal static class SlidingWindows
{
    /// <param name="slides">Whether a layer has the window, where layer_types doesn't say so.</param>
    /// <param name="usual">The window where config.json gives none; null is no window.</param>
    public static int?[] Read(ConfigFields fields, int layers, Func<int, bool> slides, int? usual = null)
    {
        var windows = new int?[layers];
        if (!fields.Has("sliding_window") && usual is null)
        {
            return windows;
        }
        var window = fields.SizeOr("sliding_window", usual, int.MaxValue);
        var types = fields.Texts("layer_types");
        if (types is not null && (types.Length != layers || types.Except(["full_attention", "sliding_attention"]).Any()))
        {
            throw fields.Refuse("layer_types", $"must say full_attention or sliding_attention of each of the {layers} layers");
        }
        for (var layer = 0; layer < layers; layer++)
        {
            windows[layer] = (types is null ? slides(layer) : types[layer] == "sliding_attention") ? window : null;
        }
        return windows;
    }

    /// <summary>Qwen's: only with use_sliding_window, and then from layer max_window_layers on.</summary>
    public static int?[] ReadWhereOn(ConfigFields fields, int layers)
    {
        if (fields.Flag("use_sliding_window") is not true)
        {
            return new int?[layers];
        }
        var first = (int)(fields.Number("max_window_layers", above: -1, most: int.MaxValue) ?? 0);
        return Read(fields, layers, layer => layer >= first);
    }
}
