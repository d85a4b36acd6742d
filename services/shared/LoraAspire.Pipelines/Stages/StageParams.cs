namespace LoraAspire.Pipelines.Stages;

/// <summary>
/// The <c>with</c> of a stage. YAML keys are the property names in snake_case. Defaults stand here and nowhere else;
/// they are hashed together with what the user wrote, so a changed default is a changed stage key.
/// </summary>
public abstract record StageParams
{
    /// <summary>Files under the data root whose content is part of the stage's identity, as written in the YAML.</summary>
    public virtual IEnumerable<string> DataFiles() => [];

    /// <summary>
    /// Problems that types cannot express, each with the snake_case key it belongs to, "key[2]" for an item of a list. Empty when all is
    /// well.
    /// </summary>
    public virtual IEnumerable<(string Key, string Problem)> Validate() => [];

    /// <summary>
    /// Keys, as dotted paths, that say how the work may be done and not what comes of it: left out of the stage's identity, and so of what
    /// explains a run.
    /// </summary>
    public virtual IEnumerable<string> PolicyKeys() => [];

    /// <summary>The GPUs of its machine that the work takes for itself; null of work that takes none.</summary>
    public virtual DeviceChoice? Gpus() => null;

    /// <summary>Whether a stage with these parameters gives this output of its kind.</summary>
    public virtual bool Gives(string output) => true;
}
