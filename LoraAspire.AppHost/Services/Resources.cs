namespace LoraAspire.AppHost.Services;

internal static class Resources
{
    /// <summary>Whether a resource is one that the app consists of; Aspire adds hidden ones of its own that never become healthy.</summary>
    public static bool IsOurs(this IResource resource) =>
        resource.Annotations.OfType<HealthCheckAnnotation>().Any() && !resource.Annotations.OfType<ExplicitStartupAnnotation>().Any();
}
